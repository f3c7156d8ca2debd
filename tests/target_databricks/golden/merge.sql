MERGE INTO `main`.`xero`.`invoices` AS t
USING (
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
      CAST(s.`_rescued_data` AS STRING) AS `_rescued_data`
    FROM parquet.`/Volumes/main/xero/v/f.parquet` AS s
) AS s
ON t.`tenant_id` = s.`tenant_id` AND t.`invoice_id` = s.`invoice_id` AND t.`tenant_id` = 'aaaa-1' AND t.`invoice_id` BETWEEN '0001' AND 'fffe'
WHEN MATCHED AND NOT ((t.`_sdc_record_hash` <=> s.`_sdc_record_hash` AND (t.`_sdc_deleted_at` IS NULL OR s.`_sdc_deleted_at` IS NOT NULL) AND (t.`_rescued_data` IS NULL OR t.`_rescued_data` <=> s.`_rescued_data` OR NOT coalesce(size(array_except(json_object_keys(t.`_rescued_data`), coalesce(json_object_keys(s.`_rescued_data`), array()))), 0) > 0)) OR (coalesce(s.`updated_date_utc` < t.`updated_date_utc`, false) AND (t.`_sdc_deleted_at` IS NULL OR s.`_sdc_deleted_at` IS NOT NULL))) THEN
  UPDATE SET `tenant_id` = s.`tenant_id`,
    `invoice_id` = s.`invoice_id`,
    `contact_id` = s.`contact_id`,
    `date` = s.`date`,
    `updated_date_utc` = s.`updated_date_utc`,
    `total` = s.`total`,
    `contact` = s.`contact`,
    `_sdc_record_hash` = s.`_sdc_record_hash`,
    `_sdc_job_id` = s.`_sdc_job_id`,
    `_sdc_extracted_at` = s.`_sdc_extracted_at`,
    `_sdc_received_at` = s.`_sdc_received_at`,
    `_sdc_batched_at` = s.`_sdc_batched_at`,
    `_sdc_sequence` = s.`_sdc_sequence`,
    `_sdc_table_version` = s.`_sdc_table_version`,
    `_sdc_sync_started_at` = s.`_sdc_sync_started_at`,
    `_sdc_deleted_at` = s.`_sdc_deleted_at`,
    `_rescued_data` = s.`_rescued_data`
WHEN NOT MATCHED THEN
  INSERT (`tenant_id`, `invoice_id`, `contact_id`, `date`, `updated_date_utc`, `total`, `contact`, `_sdc_record_hash`, `_sdc_job_id`, `_sdc_extracted_at`, `_sdc_received_at`, `_sdc_batched_at`, `_sdc_sequence`, `_sdc_table_version`, `_sdc_sync_started_at`, `_sdc_deleted_at`, `_rescued_data`, `is_deleted`)
  VALUES (s.`tenant_id`, s.`invoice_id`, s.`contact_id`, s.`date`, s.`updated_date_utc`, s.`total`, s.`contact`, s.`_sdc_record_hash`, s.`_sdc_job_id`, s.`_sdc_extracted_at`, s.`_sdc_received_at`, s.`_sdc_batched_at`, s.`_sdc_sequence`, s.`_sdc_table_version`, s.`_sdc_sync_started_at`, s.`_sdc_deleted_at`, s.`_rescued_data`, false)
