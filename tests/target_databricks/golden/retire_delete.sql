MERGE INTO `main`.`xero`.`invoices` AS t
USING (SELECT DISTINCT p.`tenant_id`, p.`invoice_id` FROM `main`.`xero`.`invoices` AS p LEFT ANTI JOIN (SELECT `tenant_id`, `invoice_id` FROM parquet.`/Volumes/main/xero/v/a.seen` UNION ALL SELECT `tenant_id`, `invoice_id` FROM parquet.`/Volumes/main/xero/v/b.seen`) AS k ON p.`tenant_id` = k.`tenant_id` AND p.`invoice_id` = k.`invoice_id` WHERE p.`_sdc_deleted_at` IS NULL AND coalesce(p.`_sdc_table_version` < 7, true) AND NOT coalesce(p.`_sdc_job_id` = 'job-1' AND p.`_sdc_sync_started_at` = 1700000000000, false)) AS s
ON t.`tenant_id` = s.`tenant_id` AND t.`invoice_id` = s.`invoice_id`
WHEN MATCHED AND t.`_sdc_deleted_at` IS NULL THEN UPDATE SET `_sdc_deleted_at` = current_timestamp();
MERGE INTO `main`.`xero`.`invoice_line_items` AS t
USING (SELECT DISTINCT p.`tenant_id`, p.`invoice_id` FROM `main`.`xero`.`invoices` AS p WHERE p.`_sdc_deleted_at` IS NOT NULL) AS s
ON t.`tenant_id` = s.`tenant_id` AND t.`invoice_id` = s.`invoice_id`
WHEN MATCHED THEN DELETE;
DELETE FROM `main`.`xero`.`invoices` AS p WHERE p.`_sdc_deleted_at` IS NOT NULL
