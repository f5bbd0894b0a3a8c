-- $1 council_id, $2 at: its newest election
SELECT c.*
  FROM (SELECT * FROM api.council_control WHERE $2::timestamptz IS NULL
        UNION ALL
        SELECT * FROM api.council_control_at($2::timestamptz) WHERE $2::timestamptz IS NOT NULL) c
 WHERE c.council_id = $1
 ORDER BY c.poll_date DESC, c.election_id
 LIMIT 1
