WITH batch AS (
    SELECT s.`tenant_id`,
      s.`invoice_id`,
      s.`updated_date_utc`,
      s.`_sdc_record_hash`,
      s.`_sdc_sequence`,
      s.`_sdc_deleted_at`,
      s.`_rescued_data`
    FROM parquet.`/Volumes/main/xero/v/f.parquet` AS s
),
changed AS (
  SELECT b.* FROM batch AS b LEFT ANTI JOIN `main`.`xero`.`invoices` AS p
  ON p.`tenant_id` = b.`tenant_id` AND p.`invoice_id` = b.`invoice_id` AND ((p.`_sdc_record_hash` <=> b.`_sdc_record_hash` AND (p.`_sdc_deleted_at` IS NULL OR b.`_sdc_deleted_at` IS NOT NULL) AND (p.`_rescued_data` IS NULL OR p.`_rescued_data` <=> b.`_rescued_data` OR NOT coalesce(size(array_except(json_object_keys(p.`_rescued_data`), coalesce(json_object_keys(b.`_rescued_data`), array()))), 0) > 0)) OR (coalesce(b.`updated_date_utc` < p.`updated_date_utc`, false) AND (p.`_sdc_deleted_at` IS NULL OR b.`_sdc_deleted_at` IS NOT NULL)))
)
SELECT true AS changes FROM changed LIMIT 1
