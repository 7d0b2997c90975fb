COMMENT ON TABLE audit.activity_logs IS
  'One row for each access to protected health information, in the transaction of the access';
