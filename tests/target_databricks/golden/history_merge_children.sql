MERGE INTO `main`.`xero`.`invoice_line_items` AS t
USING (
WITH batch AS (
    SELECT CAST(s.`tenant_id` AS STRING) AS `tenant_id`,
      CAST(s.`invoice_id` AS STRING) AS `invoice_id`,
      CAST(s.`__at` AS TIMESTAMP) AS __at,
      CAST(s.`_sdc_sequence` AS BIGINT) AS __seq,
      s.`_sdc_record_hash` AS __hash,
      CAST(s.`_sdc_deleted_at` AS TIMESTAMP) AS __deleted,
      s.`line_items` AS `line_items`,
      s.`_sdc_job_id` AS `_sdc_job_id`,
      s.`updated_date_utc` AS `updated_date_utc`,
      s.`_rescued_data` AS `_rescued_data`
    FROM parquet.`/Volumes/main/xero/v/f.parquet` AS s
),
entries AS (
  SELECT `tenant_id`, `invoice_id`, __at, __seq, IF(__deleted IS NULL, __hash, NULL) AS __hash, __deleted,
    CAST(NULL AS TIMESTAMP) AS __to, false AS __stored
  FROM batch
  UNION ALL SELECT o.`tenant_id`, o.`invoice_id`, o.`valid_from`, o.`_sdc_sequence`,
    o.`_sdc_record_hash`, o.`_sdc_deleted_at`, o.`valid_to`, true
  FROM `main`.`xero`.`invoices` AS o
  LEFT SEMI JOIN batch AS b ON o.`tenant_id` = b.`tenant_id` AND o.`invoice_id` = b.`invoice_id`
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
SELECT f.*, e.__place < 0 AS __parent, CAST(e.__row.`line_item_id` AS STRING) AS `line_item_id`, CAST(e.__row.`line_amount` AS DECIMAL(38,4)) AS `line_amount`, CAST(e.__row.`item_id` AS STRING) AS `item_id`, CAST(e.__place AS BIGINT) AS `_sdc_position`, b.`_sdc_job_id` AS `_sdc_job_id`
FROM final AS f LEFT JOIN batch AS b ON f.`tenant_id` = b.`tenant_id` AND f.`invoice_id` = b.`invoice_id`
  AND f.__at = b.__at AND b.__deleted IS NULL AND f.__fresh
JOIN LATERAL (
  SELECT pos - 1 AS __place, col AS __row FROM posexplode(concat(array(NULL), coalesce(b.`line_items`, array())))
) AS e ON e.__place < 0 OR e.__row IS NOT NULL
) AS s
ON s.__parent AND t.`tenant_id` = s.`tenant_id` AND t.`invoice_id` = s.`invoice_id`
  AND t.`valid_from` = s.__at
WHEN MATCHED AND (s.__fresh OR s.__void) THEN DELETE
WHEN MATCHED AND NOT (t.`valid_to` <=> s.__to AND t.`_sdc_deleted_at` <=> s.__deleted) THEN
  UPDATE SET `_sdc_deleted_at` = s.__deleted,
    `valid_to` = s.__to,
    `is_current` = s.__to IS NULL
WHEN NOT MATCHED AND NOT s.__parent THEN
  INSERT (`tenant_id`, `invoice_id`, `line_item_id`, `line_amount`, `item_id`, `_sdc_position`, `_sdc_job_id`, `_sdc_deleted_at`, `valid_from`, `valid_to`, `is_current`)
  VALUES (s.`tenant_id`, s.`invoice_id`, s.`line_item_id`, s.`line_amount`, s.`item_id`, s.`_sdc_position`, s.`_sdc_job_id`, s.__deleted, s.__at, s.__to, s.__to IS NULL)
