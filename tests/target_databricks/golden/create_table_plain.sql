CREATE TABLE IF NOT EXISTS `main`.`xero`.`t` (
  `tenant_id` STRING,
  `invoice_id` STRING,
  `contact_id` STRING,
  `date` DATE,
  `updated_date_utc` TIMESTAMP,
  `total` DECIMAL(38,4),
  `contact` STRUCT<`name`: STRING>,
  `_sdc_record_hash` STRING,
  `_sdc_job_id` STRING,
  `_sdc_extracted_at` TIMESTAMP,
  `_sdc_received_at` TIMESTAMP,
  `_sdc_batched_at` TIMESTAMP,
  `_sdc_sequence` BIGINT,
  `_sdc_table_version` BIGINT,
  `_sdc_sync_started_at` BIGINT,
  `_sdc_deleted_at` TIMESTAMP,
  `_rescued_data` STRING,
  `is_deleted` BOOLEAN
)
USING DELTA
