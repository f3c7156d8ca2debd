WITH batch AS (
    SELECT s.`tenant_id`,
      s.`invoice_id`,
      s.`updated_date_utc`,
      s.`_sdc_record_hash`,
      s.`_sdc_sequence`,
      s.`_sdc_deleted_at`
    FROM parquet.`/Volumes/main/xero/v/f.parquet` AS s
),
changed AS (
  SELECT b.* FROM batch AS b LEFT ANTI JOIN `main`.`xero`.`invoices` AS p
  ON p.`tenant_id` = b.`tenant_id` AND p.`invoice_id` = b.`invoice_id` AND ((p.`_sdc_record_hash` <=> b.`_sdc_record_hash` AND (p.`_sdc_deleted_at` IS NULL OR b.`_sdc_deleted_at` IS NOT NULL)) OR coalesce(b.`updated_date_utc` < p.`updated_date_utc`, false))
)
SELECT true AS changes FROM changed LIMIT 1
