{{ document_line_fact("kind = 'bank_transaction'") }}
