-- Until when what the school holds for an order can be given, so that it is replaced before.
ALTER TABLE school.student_medication_orders ADD COLUMN supply_expires_on date;
COMMENT ON COLUMN school.student_medication_orders.supply_expires_on IS
  'Last day on which what the school holds of it may be given; NULL: not known';
INSERT INTO kernel.fields (column_id, table_name, column_name, class) VALUES
  (kernel.column_id('school.student_medication_orders', 'supply_expires_on'), 'school.student_medication_orders',
   'supply_expires_on', 'C2');
