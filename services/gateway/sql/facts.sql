-- $1 date, $2 at
SELECT f.*, c.council_id, c.council_name, c.region
  FROM api.story_fact_at(coalesce($2::timestamptz, 'infinity')) f
  JOIN api.council_control c USING (election_id)
 WHERE c.poll_date = coalesce($1::date, (SELECT max(poll_date) FROM api.council_control))
 ORDER BY c.council_name, f.election_id
