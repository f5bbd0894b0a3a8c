-- $1 date
SELECT *
  FROM api.party
 WHERE poll_date = coalesce($1::date, (SELECT max(poll_date) FROM api.council_control))
 ORDER BY party_id
