{{ document_line_fact("kind = 'purchase_order'") }}
