CREATE TABLE IF NOT EXISTS `main`.`xero`.`invoices` (
  `tenant_id` STRING NOT NULL COMMENT 'The organisation\'s id',
  `invoice_id` STRING NOT NULL,
  `contact_id` STRING,
  `date` DATE,
  `updated_date_utc` TIMESTAMP,
  `total` DECIMAL(38,4),
  `contact` STRUCT<`name`: STRING>,
  `_sdc_record_hash` STRING COMMENT 'Hash of the record as the tap sent it; a row with the same hash is not rewritten',
  `_sdc_job_id` STRING COMMENT 'Run that last wrote this row',
  `_sdc_extracted_at` TIMESTAMP COMMENT 'When the tap read the record',
  `_sdc_received_at` TIMESTAMP COMMENT 'When the target received the record',
  `_sdc_batched_at` TIMESTAMP COMMENT 'When the batch of the record was prepared',
  `_sdc_sequence` BIGINT COMMENT 'Milliseconds since 1970 at which the record was received',
  `_sdc_table_version` BIGINT COMMENT 'Version the tap gave the record, for full-table reloads',
  `_sdc_sync_started_at` BIGINT COMMENT 'Milliseconds since 1970 at which the run started',
  `_sdc_deleted_at` TIMESTAMP COMMENT 'When the source said that this row is gone; null as long as it is there',
  `_rescued_data` STRING COMMENT 'JSON of what did not fit the schema: unknown fields, values of another type',
  `is_deleted` BOOLEAN COMMENT 'Flag of the users of this table, not of the source: loads create it and leave it alone; what the source deleted has its moment in _sdc_deleted_at',
  PRIMARY KEY (`tenant_id`, `invoice_id`)
)
USING DELTA
COMMENT 'Sales invoices and bills'
CLUSTER BY (`contact_id`, `date`)
TBLPROPERTIES ('delta.enableTypeWidening' = 'true', 'quality' = 'bronze')
