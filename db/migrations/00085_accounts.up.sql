-- When somebody let an account in again, and for which purposes a key may be used.

ALTER TABLE auth.users ADD COLUMN unlocked_at timestamptz;
COMMENT ON COLUMN auth.users.unlocked_at IS 'When somebody lifted a lock; failures before it count no more';
ALTER TABLE auth.api_keys ADD COLUMN purposes jsonb NOT NULL DEFAULT '[]'
  CONSTRAINT api_keys_purposes_known CHECK (jsonb_typeof(purposes) = 'array' AND purposes <@
    '["TREAT","COC","ETREAT","BTG","HPAYMT","HOPERAT","HSYSADMIN","HCOMPL","HLEGAL","PUBHLTH","HRESCH","PATRQT","FAMRQT"]'::jsonb);
COMMENT ON COLUMN auth.api_keys.purposes IS
  'Purposes of use (HL7 PurposeOfUse codes) it is limited to; empty: those its user''s roles serve';
COMMENT ON CONSTRAINT api_keys_purposes_known ON auth.api_keys IS
  'Must be a list of TREAT, COC, ETREAT, BTG, HPAYMT, HOPERAT, HSYSADMIN, HCOMPL, HLEGAL, PUBHLTH, HRESCH, PATRQT, FAMRQT';
INSERT INTO kernel.fields (column_id, table_name, column_name, class) VALUES
  (kernel.column_id('auth.users', 'unlocked_at'), 'auth.users', 'unlocked_at', 'C1'),
  (kernel.column_id('auth.api_keys', 'purposes'), 'auth.api_keys', 'purposes', 'C1');
