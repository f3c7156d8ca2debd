"""The fields of every Xero object the tap reads, as data.

`fields` has the vocabulary, `schema` turns a model into JSON Schema; the other modules
hold the models, from small parts to whole documents.
"""
