"""What happens in an organisation, as facts and as the documents that these leave.

`organisation` and `profiles` say what an organisation is; the strands (`contacts`, `deals`,
`banking`, `orders`, `office`, `reference`) tell its stories, and `generator` all of them together.
"""
