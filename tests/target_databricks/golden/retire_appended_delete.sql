UPDATE `main`.`xero`.`invoices` AS p SET `_sdc_deleted_at` = current_timestamp()
WHERE p.`_sdc_deleted_at` IS NULL AND coalesce(p.`_sdc_table_version` < 7, true) AND NOT coalesce(p.`_sdc_job_id` = 'job-1' AND p.`_sdc_sync_started_at` = 1700000000000, false) AND NOT coalesce(p.`_sdc_table_version` IS NULL AND p.`_sdc_record_hash` IN ('0123', '4567'), false) AND NOT coalesce(p.`_sdc_table_version` = 6 AND p.`_sdc_record_hash` IN ('0123'), false);
MERGE INTO `main`.`xero`.`invoice_line_items` AS t
USING (SELECT DISTINCT p.`_sdc_job_id`, p.`tenant_id`, p.`invoice_id` FROM `main`.`xero`.`invoices` AS p LEFT ANTI JOIN (SELECT * FROM `main`.`xero`.`invoices` AS p WHERE p.`_sdc_deleted_at` IS NULL) AS k ON p.`_sdc_job_id` = k.`_sdc_job_id` AND p.`tenant_id` = k.`tenant_id` AND p.`invoice_id` = k.`invoice_id` WHERE p.`_sdc_deleted_at` IS NOT NULL) AS s
ON t.`_sdc_job_id` = s.`_sdc_job_id` AND t.`tenant_id` = s.`tenant_id` AND t.`invoice_id` = s.`invoice_id`
WHEN MATCHED THEN DELETE;
DELETE FROM `main`.`xero`.`invoices` AS p WHERE p.`_sdc_deleted_at` IS NOT NULL
