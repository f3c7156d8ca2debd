MERGE INTO `main`.`xero`.`invoices` AS t
USING (SELECT DISTINCT p.`tenant_id`, p.`invoice_id` FROM `main`.`xero`.`invoices` AS p LEFT ANTI JOIN (SELECT `tenant_id`, `invoice_id` FROM parquet.`/Volumes/main/xero/v/a.seen`) AS k ON p.`tenant_id` = k.`tenant_id` AND p.`invoice_id` = k.`invoice_id` WHERE p.`_sdc_deleted_at` IS NULL AND coalesce(p.`_sdc_table_version` < 7, true) AND NOT coalesce(p.`_sdc_job_id` = 'job-1' AND p.`_sdc_sync_started_at` = 1700000000000, false) AND p.`is_current`) AS s
ON t.`tenant_id` = s.`tenant_id` AND t.`invoice_id` = s.`invoice_id` AND t.`is_current`
WHEN MATCHED THEN
  UPDATE SET `_sdc_deleted_at` = CAST('2024-05-01T00:00:00+00:00' AS TIMESTAMP),
    `valid_to` = greatest(t.`valid_from`, CAST('2024-05-01T00:00:00+00:00' AS TIMESTAMP)),
    `is_current` = false,
    `_sdc_sequence` = NULL;
MERGE INTO `main`.`xero`.`invoice_line_items` AS t
USING (SELECT p.`tenant_id`, p.`invoice_id`, p.`valid_from`, p.`valid_to`, p.`_sdc_deleted_at` FROM `main`.`xero`.`invoices` AS p
WHERE p.`_sdc_deleted_at` IS NOT NULL) AS s
ON t.`tenant_id` = s.`tenant_id` AND t.`invoice_id` = s.`invoice_id` AND t.`valid_from` = s.`valid_from`
WHEN MATCHED AND t.`is_current` THEN
  UPDATE SET `valid_to` = s.`valid_to`,
    `_sdc_deleted_at` = s.`_sdc_deleted_at`,
    `is_current` = false
