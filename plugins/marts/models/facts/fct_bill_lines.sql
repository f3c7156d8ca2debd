{{ document_line_fact("kind = 'invoice' and type = 'ACCPAY'") }}
