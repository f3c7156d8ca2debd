{{ document_line_fact("kind = 'credit_note'") }}
