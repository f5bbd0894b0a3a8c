-- $1 date, $2 region, $3 party in control, $4 status, $5 at
SELECT c.*
  FROM (SELECT * FROM api.council_control WHERE $5::timestamptz IS NULL
        UNION ALL
        SELECT * FROM api.council_control_at($5::timestamptz) WHERE $5::timestamptz IS NOT NULL) c
 WHERE c.poll_date = coalesce($1::date, (SELECT max(poll_date) FROM api.council_control))
   AND ($2::text IS NULL OR c.region = $2)
   AND ($3::text IS NULL OR c.control = $3)
   AND ($4::text IS NULL OR c.status = $4)
 ORDER BY c.council_name, c.election_id
