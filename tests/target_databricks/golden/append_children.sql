INSERT INTO `main`.`xero`.`invoice_line_items` (`tenant_id`, `invoice_id`, `line_item_id`, `line_amount`, `item_id`, `_sdc_position`, `_sdc_job_id`, `_sdc_deleted_at`)
SELECT CAST(b.`tenant_id` AS STRING) AS `tenant_id`,
    CAST(b.`invoice_id` AS STRING) AS `invoice_id`,
    CAST(e.__row.`line_item_id` AS STRING) AS `line_item_id`,
    CAST(e.__row.`line_amount` AS DECIMAL(38,4)) AS `line_amount`,
    CAST(e.__row.`item_id` AS STRING) AS `item_id`,
    CAST(e.__place AS BIGINT) AS `_sdc_position`,
    b.`_sdc_job_id` AS `_sdc_job_id`,
    b.`_sdc_deleted_at` AS `_sdc_deleted_at`
FROM (
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
) AS b
JOIN LATERAL (SELECT pos AS __place, col AS __row FROM posexplode(b.`line_items`)) AS e ON e.__row IS NOT NULL
WHERE (SELECT count(*) FROM `main`.`xero`.`invoice_line_items` WHERE `_sdc_job_id` = 'job-1') <= 0
