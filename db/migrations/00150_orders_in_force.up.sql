-- From when to when an order was in force: a dose is judged by the order as it was when the dose was given.

ALTER TABLE school.student_medication_orders
  ADD COLUMN activated_at timestamptz,
  ADD COLUMN stopped_at timestamptz;
COMMENT ON COLUMN school.student_medication_orders.activated_at IS 'When it was last put in force';
COMMENT ON COLUMN school.student_medication_orders.stopped_at IS
  'When it last ceased to be in force; later than activated_at unless it is in force again';
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  SELECT kernel.column_id('school.student_medication_orders', c), 'school.student_medication_orders', c, 'C2'
    FROM unnest(ARRAY['activated_at', 'stopped_at']) c;
