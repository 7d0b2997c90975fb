-- A trigger on TRUNCATE belongs to one table: a month of events could be emptied by its own name.
DO $$
DECLARE part regclass;
BEGIN
  FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'audit.activity_logs'::regclass LOOP
    CALL audit.keep_whole(part);
  END LOOP;
END $$;
