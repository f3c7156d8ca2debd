"""Contacts, their groups, and the partial copies of them inside documents.

Source of the shapes: Xero's Accounting API specification; descriptions are ours.
"""

from __future__ import annotations

from tap_xero.models.fields import (
    Child,
    Model,
    amount,
    flag,
    lift,
    many,
    moment,
    one,
    text,
)
from tap_xero.models.parts import ADDRESS, PAYMENT_TERMS, PHONE
from tap_xero.models.reference import BRANDING_THEME

_PERSON = Model(
    "ContactPerson",
    "A person at the contact; at most five.",
    (
        text("FirstName", "First name."),
        text("LastName", "Last name."),
        text("EmailAddress", "Email address."),
        flag("IncludeInEmails", "Gets the emails with documents."),
    ),
)

_DEFAULT_TRACKING = Model(
    "SalesTrackingCategory",
    "Tracking option that the contact's documents start with.",
    (
        text("TrackingCategoryName", "Name of the category."),
        text("TrackingOptionName", "Name of the option."),
    ),
)

_OUTSTANDING = (
    amount("Outstanding", "Not yet paid."),
    amount("Overdue", "Past its due date."),
)

_BALANCES = Model(
    "Balances",
    "What is owed. Changes here do not move UpdatedDateUTC.",
    (
        one(
            "AccountsReceivable",
            Model("AccountsReceivable", "Sales side.", _OUTSTANDING),
            "Owed by the contact.",
        ),
        one(
            "AccountsPayable",
            Model("AccountsPayable", "Purchase side.", _OUTSTANDING),
            "Owed to the contact.",
        ),
    ),
)

_BATCH_DETAILS = Model(
    "BatchPaymentDetails",
    "What a batch payment to the contact prints.",
    (
        text("BankAccountNumber", "Bank account number."),
        text("BankAccountName", "Name on the bank account."),
        text("Details", "Particulars."),
        text("Code", "Code, 12 characters at most."),
        text("Reference", "Reference, 12 characters at most."),
    ),
)

_GROUP_FIELDS = (
    text("ContactGroupID", "Identifier of the group.", refers="contact_groups"),
    text("Name", "Name of the group."),
    text("Status", "ACTIVE or DELETED."),
)
_MEMBER = Model(
    "Contact",
    "A member of a group.",
    (text("ContactID", "The contact.", refers="contacts"), text("Name", "Name of the contact.")),
    partial=True,
)
_GROUP_COPY = Model(
    "ContactGroup",
    "A group.",
    (*_GROUP_FIELDS, many("Contacts", _MEMBER, "Empty in this copy, whoever belongs to it.")),
    partial=True,
)

CONTACT = Model(
    "Contact",
    "A customer, a supplier, or both.",
    (
        text("ContactID", "Identifier of the contact."),
        text("MergedToContactID", "Contact this one was merged into.", refers="contacts"),
        text("ContactNumber", "Key in an outside system, written through the API only."),
        text("AccountNumber", "Account number given by the organisation."),
        text("ContactStatus", "ACTIVE, ARCHIVED or GDPRREQUEST."),
        text("Name", "Full name."),
        text("FirstName", "First name of the primary person."),
        text("LastName", "Last name of the primary person."),
        text("CompanyNumber", "Company number."),
        text("EmailAddress", "Email address."),
        many(
            "ContactPersons",
            _PERSON,
            "Further people.",
            child=Child("contact_persons"),
        ),
        text("BankAccountDetails", "Bank account number."),
        text("TaxNumber", "ABN, GST, VAT or tax number."),
        text("TaxNumberType", "US: SSN, EIN, ITIN or ATIN."),
        text("AccountsReceivableTaxType", "Default tax rate of sales.", refers="tax_rates"),
        text("AccountsPayableTaxType", "Default tax rate of purchases.", refers="tax_rates"),
        many(
            "Addresses",
            ADDRESS,
            "Addresses, empty placeholders included.",
            child=Child("contact_addresses", ("AddressType",)),
        ),
        many(
            "Phones",
            PHONE,
            "Phone numbers, empty placeholders included.",
            child=Child("contact_phones", ("PhoneType",)),
        ),
        flag("IsSupplier", "Has bills; changes do not move UpdatedDateUTC."),
        flag("IsCustomer", "Has sales invoices; changes do not move UpdatedDateUTC."),
        text("SalesDefaultLineAmountType", "INCLUSIVE, EXCLUSIVE or NONE, on sales."),
        text("PurchasesDefaultLineAmountType", "INCLUSIVE, EXCLUSIVE or NONE, on purchases."),
        text("DefaultCurrency", "Currency of new documents.", refers="currencies"),
        text("XeroNetworkKey", "Key of the contact's own organisation in Xero."),
        text("SalesDefaultAccountCode", "Account of new sales lines."),
        text("PurchasesDefaultAccountCode", "Account of new purchase lines."),
        many("SalesTrackingCategories", _DEFAULT_TRACKING, "Default tracking on sales."),
        many("PurchasesTrackingCategories", _DEFAULT_TRACKING, "Default tracking on purchases."),
        text("TrackingCategoryName", "Category of a default tracking option."),
        text("TrackingCategoryOption", "Default tracking option."),
        one("PaymentTerms", PAYMENT_TERMS, "Payment terms."),
        moment("UpdatedDateUTC", "When it last changed."),
        many(
            "ContactGroups",
            _GROUP_COPY,
            "Groups it belongs to.",
            child=Child("contact_group_memberships", ("ContactGroupID",)),
        ),
        text("Website", "Website."),
        one(
            "BrandingTheme",
            BRANDING_THEME.copy("BrandingThemeID", "Name"),
            "Partial copy of the theme of its documents.",
        ),
        one("BatchPayments", _BATCH_DETAILS, "What batch payments print."),
        amount("Discount", "Default discount in percent."),
        one("Balances", _BALANCES, "What is owed; goes stale in an incremental copy."),
        flag("HasAttachments", "Files are attached."),
    ),
    lifts=(lift("BrandingThemeID", "BrandingTheme", "branding_themes"),),
)

CONTACT_COPY = CONTACT.copy(
    "ContactID",
    "ContactNumber",
    "AccountNumber",
    "ContactStatus",
    "Name",
    "FirstName",
    "LastName",
    "EmailAddress",
    "BankAccountDetails",
    "TaxNumber",
    "AccountsReceivableTaxType",
    "AccountsPayableTaxType",
    "IsSupplier",
    "IsCustomer",
    "DefaultCurrency",
    "UpdatedDateUTC",
    extra=(
        many("ContactPersons", _PERSON, "Often empty in a copy, which does not mean none."),
        many("Addresses", ADDRESS, "Often empty in a copy, which does not mean none."),
        many("Phones", PHONE, "Often empty in a copy, which does not mean none."),
        many("ContactGroups", _GROUP_COPY, "Often empty in a copy, which does not mean none."),
        many("SalesTrackingCategories", _DEFAULT_TRACKING, "Default tracking on sales."),
        many("PurchasesTrackingCategories", _DEFAULT_TRACKING, "Default tracking on purchases."),
    ),
)

CONTACT_REFERENCE = CONTACT.copy(
    "ContactID",
    "ContactNumber",
    "Name",
    extra=(
        many("ContactPersons", _PERSON, "Often empty in a copy, which does not mean none."),
        many("Addresses", ADDRESS, "Often empty in a copy, which does not mean none."),
        many("Phones", PHONE, "Often empty in a copy, which does not mean none."),
        many("ContactGroups", _GROUP_COPY, "Often empty in a copy, which does not mean none."),
    ),
)

CONTACT_GROUP = Model(
    "ContactGroup",
    "A named list of contacts.",
    (
        text("ContactGroupID", "Identifier of the group."),
        *_GROUP_FIELDS[1:],
        many(
            "Contacts",
            _MEMBER,
            "Contacts that are members of a contact group, read group by group.",
            child=Child("contact_group_members", ("ContactID",)),
        ),
    ),
)
