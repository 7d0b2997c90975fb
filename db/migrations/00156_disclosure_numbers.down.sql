DROP FUNCTION compliance.last_disclosure_number(int);
