-- Disclosures are numbered over all of the organization, also those about persons whom whoever discloses does not reach: the
-- function counts under the scope of the whole tenant and tells the number only. The tenant's wall stands.
CREATE FUNCTION compliance.last_disclosure_number(of_year int) RETURNS int
  LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  held CONSTANT text := current_setting('salus.scope', true);
  last int;
BEGIN
  PERFORM set_config('salus.scope', 'tenant', true);
  last := (SELECT max(split_part(d.number, '-', 3)::int) FROM compliance.phi_disclosures d
            WHERE d.number ~ ('^D-' || of_year || '-[0-9]{1,9}$'));
  PERFORM set_config('salus.scope', held, true);
  RETURN coalesce(last, 0);
END $$;
COMMENT ON FUNCTION compliance.last_disclosure_number(int) IS
  'The last number of the year that was given to a disclosure, whoever may see it; 0 when there is none';
