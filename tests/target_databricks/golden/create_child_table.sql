CREATE TABLE IF NOT EXISTS `main`.`xero`.`invoice_line_items` (
  `tenant_id` STRING NOT NULL COMMENT 'The organisation\'s id',
  `invoice_id` STRING NOT NULL,
  `line_item_id` STRING NOT NULL,
  `line_amount` DECIMAL(38,4),
  `item_id` STRING,
  `_sdc_position` BIGINT COMMENT 'Order of this row within its parent, from 0',
  `_sdc_job_id` STRING COMMENT 'Run that last wrote this row',
  `_sdc_deleted_at` TIMESTAMP COMMENT 'When the source said that this row is gone; null as long as it is there'
)
USING DELTA
CLUSTER BY AUTO
