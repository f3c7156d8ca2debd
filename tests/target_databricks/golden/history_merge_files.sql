MERGE INTO `main`.`xero`.`invoices` AS t
USING (
WITH batch AS (
    SELECT CAST(s.`tenant_id` AS STRING) AS `tenant_id`,
      CAST(s.`invoice_id` AS STRING) AS `invoice_id`,
      CAST(s.`__at` AS TIMESTAMP) AS __at,
      CAST(s.`_sdc_sequence` AS BIGINT) AS __seq,
      s.`_sdc_record_hash` AS __hash,
      CAST(s.`_sdc_deleted_at` AS TIMESTAMP) AS __deleted,
      CAST(s.`contact_id` AS STRING) AS `contact_id`,
      CAST(s.`date` AS DATE) AS `date`,
      CAST(s.`updated_date_utc` AS TIMESTAMP) AS `updated_date_utc`,
      CAST(s.`total` AS DECIMAL(38,4)) AS `total`,
      CAST(s.`contact` AS STRUCT<`name`: STRING>) AS `contact`,
      CAST(s.`_sdc_job_id` AS STRING) AS `_sdc_job_id`,
      CAST(s.`_sdc_extracted_at` AS TIMESTAMP) AS `_sdc_extracted_at`,
      CAST(s.`_sdc_received_at` AS TIMESTAMP) AS `_sdc_received_at`,
      CAST(s.`_sdc_batched_at` AS TIMESTAMP) AS `_sdc_batched_at`,
      CAST(s.`_sdc_table_version` AS BIGINT) AS `_sdc_table_version`,
      CAST(s.`_sdc_sync_started_at` AS BIGINT) AS `_sdc_sync_started_at`,
      CAST(s.`_rescued_data` AS STRING) AS `_rescued_data`
    FROM (SELECT * FROM parquet.`/Volumes/main/xero/v/f.parquet`
      UNION ALL SELECT * FROM parquet.`/Volumes/main/xero/v/g.parquet`) AS s
),
entries AS (
  SELECT `tenant_id`, `invoice_id`, __at, __seq, IF(__deleted IS NULL, __hash, NULL) AS __hash, __deleted,
    CAST(NULL AS TIMESTAMP) AS __to, false AS __stored
  FROM batch
  UNION ALL SELECT o.`tenant_id`, o.`invoice_id`, o.`valid_from`, o.`_sdc_sequence`,
    o.`_sdc_record_hash`, o.`_sdc_deleted_at`, o.`valid_to`, true
  FROM `main`.`xero`.`invoices` AS o
  LEFT SEMI JOIN batch AS b ON o.`tenant_id` = b.`tenant_id` AND o.`invoice_id` = b.`invoice_id` AND o.`tenant_id` = 'aaaa-1' AND o.`invoice_id` BETWEEN '0001' AND 'fffe'
),
pairs AS (
  SELECT `tenant_id`, `invoice_id`, __at, max(__stored) AS __stored,
    max(IF(__stored, __hash, NULL)) AS __old_hash, max(IF(__stored, __seq, NULL)) AS __old_seq,
    max(IF(__stored, __to, NULL)) AS __old_to, max(IF(__stored, __deleted, NULL)) AS __old_deleted,
    max(IF(__stored, NULL, __hash)) AS __new_hash, max(IF(__stored, NULL, __deleted)) AS __deleted,
    max(IF(NOT __stored AND __hash IS NOT NULL, __seq, NULL)) AS __new_seq
  FROM entries GROUP BY `tenant_id`, `invoice_id`, __at
),
instants AS (
  SELECT *, __new_hash IS NOT NULL AND (__old_hash IS NULL
      OR __old_hash <> __new_hash AND __new_seq >= coalesce(__old_seq, 0)) AS __fresh,
    explode(IF(__old_hash IS NULL OR __old_deleted IS NULL, array(false), array(false, true)))
      AS __ends
  FROM pairs
),
facts AS (
  SELECT `tenant_id`, `invoice_id`, IF(__ends, __old_to, __at) AS __at, max(NOT __ends AND __stored) AS __stored,
    max(IF(__ends, NULL, __old_to)) AS __old_to,
    max(IF(__ends, NULL, __old_deleted)) AS __old_deleted,
    max(NOT __ends AND __fresh) AS __fresh,
    max(IF(__ends, NULL, IF(__fresh, __new_hash, __old_hash))) AS __hash,
    max(IF(__ends, NULL, IF(__fresh, __new_seq, coalesce(__old_seq, __new_seq, 0)))) AS __seq,
    max(IF(__ends, NULL, __new_seq)) AS __came,
    coalesce(
      max(IF(__ends, NULL, __deleted)),
      max(IF(NOT __ends AND __old_hash IS NULL, __old_deleted, NULL)),
      max(IF(__ends, __old_deleted, NULL))
    ) AS __deleted,
    max(__ends AND __old_seq IS NULL) AND max(IF(__ends, NULL, __deleted)) IS NULL AS __retired
  FROM instants GROUP BY `tenant_id`, `invoice_id`, IF(__ends, __old_to, __at)
),
heard AS (
  SELECT *, __retired AND coalesce(
      1000 * max(__came) OVER (PARTITION BY `tenant_id`, `invoice_id` ORDER BY __at) > unix_micros(__deleted), false) AS __revoked
  FROM facts
),
events AS (
  SELECT * EXCEPT (__deleted), IF(__revoked, NULL, __deleted) AS __deleted
  FROM heard WHERE __hash IS NOT NULL OR NOT __revoked
),
chained AS (
  SELECT *, lag(IF(__deleted IS NULL, __hash, NULL)) OVER (PARTITION BY `tenant_id`, `invoice_id` ORDER BY __at) AS __before FROM events
),
begun AS (
  SELECT *, __hash IS NOT NULL AND NOT (__hash <=> __before) AS __begins FROM chained
),
spans AS (
  SELECT *, first_value(IF(__begins OR __deleted IS NOT NULL, named_struct('at', __at,
      'deleted', IF(__begins, NULL, __deleted), 'retired', NOT __begins AND __retired), NULL))
    IGNORE NULLS OVER (PARTITION BY `tenant_id`, `invoice_id` ORDER BY __at ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS __next
  FROM begun
),
versions AS (
  SELECT *, __begins AND __deleted IS NULL AS __open,
    __begins OR (__deleted IS NOT NULL AND __before IS NULL) AS __is
  FROM spans
),
final AS (
  SELECT `tenant_id`, `invoice_id`, __at, NOT __is AS __void, __begins AND __fresh AS __fresh,
    IF(__begins, __hash, NULL) AS __hash,
    IF(__open, __next.at, __at) AS __to,
    IF(__open, __next.deleted, __deleted) AS __deleted,
    IF(__begins AND IF(__open, __next.retired, __retired), NULL, coalesce(__seq, 0)) AS __seq
  FROM versions
  WHERE IF(__is, __begins AND __fresh OR NOT __stored
    OR NOT (__old_to <=> IF(__open, __next.at, __at))
    OR NOT (__old_deleted <=> IF(__open, __next.deleted, __deleted)), __stored)
)
SELECT f.*, b.`contact_id`, b.`date`, b.`updated_date_utc`, b.`total`, b.`contact`, b.`_sdc_job_id`, b.`_sdc_extracted_at`, b.`_sdc_received_at`, b.`_sdc_batched_at`, b.`_sdc_table_version`, b.`_sdc_sync_started_at`, b.`_rescued_data`
FROM final AS f LEFT JOIN batch AS b ON f.`tenant_id` = b.`tenant_id` AND f.`invoice_id` = b.`invoice_id`
  AND f.__at = b.__at AND (b.__deleted IS NULL) = (f.__hash IS NOT NULL)
) AS s
ON t.`tenant_id` = s.`tenant_id` AND t.`invoice_id` = s.`invoice_id` AND t.`tenant_id` = 'aaaa-1' AND t.`invoice_id` BETWEEN '0001' AND 'fffe'
  AND t.`valid_from` = s.__at
WHEN MATCHED AND s.__void THEN DELETE
WHEN MATCHED AND s.__fresh THEN
  UPDATE SET `tenant_id` = s.`tenant_id`,
    `invoice_id` = s.`invoice_id`,
    `contact_id` = s.`contact_id`,
    `date` = s.`date`,
    `updated_date_utc` = s.`updated_date_utc`,
    `total` = s.`total`,
    `contact` = s.`contact`,
    `_sdc_job_id` = s.`_sdc_job_id`,
    `_sdc_extracted_at` = s.`_sdc_extracted_at`,
    `_sdc_received_at` = s.`_sdc_received_at`,
    `_sdc_batched_at` = s.`_sdc_batched_at`,
    `_sdc_table_version` = s.`_sdc_table_version`,
    `_sdc_sync_started_at` = s.`_sdc_sync_started_at`,
    `_rescued_data` = s.`_rescued_data`,
    `_sdc_record_hash` = s.__hash,
    `_sdc_sequence` = s.__seq,
    `_sdc_deleted_at` = s.__deleted,
    `valid_from` = s.__at,
    `valid_to` = s.__to,
    `is_current` = s.__to IS NULL
WHEN MATCHED AND NOT (t.`valid_to` <=> s.__to AND t.`_sdc_deleted_at` <=> s.__deleted) THEN
  UPDATE SET `_sdc_sequence` = s.__seq,
    `_sdc_deleted_at` = s.__deleted,
    `valid_to` = s.__to,
    `is_current` = s.__to IS NULL
WHEN NOT MATCHED AND NOT s.__void THEN
  INSERT (`tenant_id`, `invoice_id`, `contact_id`, `date`, `updated_date_utc`, `total`, `contact`, `_sdc_job_id`, `_sdc_extracted_at`, `_sdc_received_at`, `_sdc_batched_at`, `_sdc_table_version`, `_sdc_sync_started_at`, `_rescued_data`, `_sdc_record_hash`, `_sdc_sequence`, `_sdc_deleted_at`, `valid_from`, `valid_to`, `is_current`, `is_deleted`)
  VALUES (s.`tenant_id`, s.`invoice_id`, s.`contact_id`, s.`date`, s.`updated_date_utc`, s.`total`, s.`contact`, s.`_sdc_job_id`, s.`_sdc_extracted_at`, s.`_sdc_received_at`, s.`_sdc_batched_at`, s.`_sdc_table_version`, s.`_sdc_sync_started_at`, s.`_rescued_data`, s.__hash, s.__seq, s.__deleted, s.__at, s.__to, s.__to IS NULL, false)
