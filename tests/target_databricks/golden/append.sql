INSERT INTO `main`.`xero`.`invoices` (`tenant_id`, `invoice_id`, `contact_id`, `date`, `updated_date_utc`, `total`, `contact`, `_sdc_record_hash`, `_sdc_job_id`, `_sdc_extracted_at`, `_sdc_received_at`, `_sdc_batched_at`, `_sdc_sequence`, `_sdc_table_version`, `_sdc_sync_started_at`, `_sdc_deleted_at`, `_rescued_data`, `is_deleted`)
SELECT CAST(s.`tenant_id` AS STRING) AS `tenant_id`,
    CAST(s.`invoice_id` AS STRING) AS `invoice_id`,
    CAST(s.`contact_id` AS STRING) AS `contact_id`,
    CAST(s.`date` AS DATE) AS `date`,
    CAST(s.`updated_date_utc` AS TIMESTAMP) AS `updated_date_utc`,
    CAST(s.`total` AS DECIMAL(38,4)) AS `total`,
    CAST(s.`contact` AS STRUCT<`name`: STRING>) AS `contact`,
    CAST(s.`_sdc_record_hash` AS STRING) AS `_sdc_record_hash`,
    CAST(s.`_sdc_job_id` AS STRING) AS `_sdc_job_id`,
    CAST(s.`_sdc_extracted_at` AS TIMESTAMP) AS `_sdc_extracted_at`,
    CAST(s.`_sdc_received_at` AS TIMESTAMP) AS `_sdc_received_at`,
    CAST(s.`_sdc_batched_at` AS TIMESTAMP) AS `_sdc_batched_at`,
    CAST(s.`_sdc_sequence` AS BIGINT) AS `_sdc_sequence`,
    CAST(s.`_sdc_table_version` AS BIGINT) AS `_sdc_table_version`,
    CAST(s.`_sdc_sync_started_at` AS BIGINT) AS `_sdc_sync_started_at`,
    CAST(s.`_sdc_deleted_at` AS TIMESTAMP) AS `_sdc_deleted_at`,
    CAST(s.`_rescued_data` AS STRING) AS `_rescued_data`,
    false AS `is_deleted`
FROM parquet.`/Volumes/main/xero/v/f.parquet` AS s
WHERE (SELECT count(*) FROM `main`.`xero`.`invoices` WHERE `_sdc_job_id` = 'job-1' AND `_sdc_sync_started_at` = 1790000000000) <= 40
