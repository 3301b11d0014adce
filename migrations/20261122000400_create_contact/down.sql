DROP TABLE contact_export, import_mapping, contact_import, consent, suppression, subscription_event, subscription, list, folder, contact_unique_value, contact_field, contact;
DROP FUNCTION count_list_members();
DROP FUNCTION contact_search_text(text, text);
