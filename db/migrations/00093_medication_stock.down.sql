-- lossy: its rows go with its tables
CALL kernel.forget('school.medication_inventory_entries');
CALL kernel.forget('school.medication_counts');
CALL kernel.forget('school.medication_inventory');
CALL kernel.forget('school.administration_versions');
DROP FUNCTION school.keep_balance();
DROP FUNCTION school.last_visit_number(uuid, date);
DROP DOMAIN school.stock_entry_kind;
