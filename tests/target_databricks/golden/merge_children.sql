MERGE INTO `main`.`xero`.`invoice_line_items` AS t
USING (
WITH batch AS (
    SELECT s.`tenant_id`,
      s.`invoice_id`,
      s.`line_items`,
      s.`_sdc_job_id`,
      s.`_sdc_deleted_at`,
      s.`updated_date_utc`,
      s.`_sdc_record_hash`,
      s.`_sdc_sequence`,
      s.`_rescued_data`
    FROM parquet.`/Volumes/main/xero/v/f.parquet` AS s
),
changed AS (
  SELECT b.* FROM batch AS b LEFT ANTI JOIN `main`.`xero`.`invoices` AS p
  ON p.`tenant_id` = b.`tenant_id` AND p.`invoice_id` = b.`invoice_id` AND p.`tenant_id` = 'aaaa-1' AND p.`invoice_id` BETWEEN '0001' AND 'fffe' AND ((p.`_sdc_record_hash` <=> b.`_sdc_record_hash` AND (p.`_sdc_deleted_at` IS NULL OR b.`_sdc_deleted_at` IS NOT NULL) AND (p.`_rescued_data` IS NULL OR p.`_rescued_data` <=> b.`_rescued_data` OR NOT coalesce(size(array_except(json_object_keys(p.`_rescued_data`), coalesce(json_object_keys(b.`_rescued_data`), array()))), 0) > 0)) OR (coalesce(b.`updated_date_utc` < p.`updated_date_utc`, false) AND (p.`_sdc_deleted_at` IS NULL OR b.`_sdc_deleted_at` IS NOT NULL)))
)
SELECT true AS __gone, b.`tenant_id` AS `tenant_id`, b.`invoice_id` AS `invoice_id`, CAST(NULL AS STRING) AS `line_item_id`, CAST(NULL AS DECIMAL(38,4)) AS `line_amount`, CAST(NULL AS STRING) AS `item_id`, CAST(NULL AS BIGINT) AS `_sdc_position`, CAST(NULL AS STRING) AS `_sdc_job_id`, CAST(NULL AS TIMESTAMP) AS `_sdc_deleted_at` FROM changed AS b
UNION ALL
SELECT false AS __gone, CAST(b.`tenant_id` AS STRING) AS `tenant_id`, CAST(b.`invoice_id` AS STRING) AS `invoice_id`, CAST(e.__row.`line_item_id` AS STRING) AS `line_item_id`, CAST(e.__row.`line_amount` AS DECIMAL(38,4)) AS `line_amount`, CAST(e.__row.`item_id` AS STRING) AS `item_id`, CAST(e.__place AS BIGINT) AS `_sdc_position`, b.`_sdc_job_id` AS `_sdc_job_id`, b.`_sdc_deleted_at` AS `_sdc_deleted_at` FROM changed AS b
JOIN LATERAL (SELECT pos AS __place, col AS __row FROM posexplode(b.`line_items`)) AS e ON e.__row IS NOT NULL
) AS s
ON s.__gone AND t.`tenant_id` = s.`tenant_id` AND t.`invoice_id` = s.`invoice_id` AND t.`tenant_id` = 'aaaa-1' AND t.`invoice_id` BETWEEN '0001' AND 'fffe'
WHEN MATCHED THEN DELETE
WHEN NOT MATCHED AND NOT s.__gone THEN
  INSERT (`tenant_id`, `invoice_id`, `line_item_id`, `line_amount`, `item_id`, `_sdc_position`, `_sdc_job_id`, `_sdc_deleted_at`)
  VALUES (s.`tenant_id`, s.`invoice_id`, s.`line_item_id`, s.`line_amount`, s.`item_id`, s.`_sdc_position`, s.`_sdc_job_id`, s.`_sdc_deleted_at`)
