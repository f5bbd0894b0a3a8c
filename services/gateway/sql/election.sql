-- $1 election_id, $2 at
SELECT c.*
  FROM (SELECT * FROM api.council_control WHERE $2::timestamptz IS NULL
        UNION ALL
        SELECT * FROM api.council_control_at($2::timestamptz) WHERE $2::timestamptz IS NOT NULL) c
 WHERE c.election_id = $1
