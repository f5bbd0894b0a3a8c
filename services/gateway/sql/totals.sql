-- $1 date, $2 by
SELECT t.poll_date,
       CASE WHEN $2::text IS NULL THEN t.nation END AS nation,
       CASE WHEN $2::text IS NULL THEN t.region END AS region,
       t.party_id, p.short, p.name, p.colour, p.text_colour,
       sum(t.councils)::integer AS councils, sum(t.councils_gained)::integer AS councils_gained,
       sum(t.councils_lost)::integer AS councils_lost, sum(t.councils_net)::integer AS councils_net,
       sum(t.seats_held)::integer AS seats_held, sum(t.seats_won)::integer AS seats_won,
       sum(t.seats_change)::integer AS seats_change, sum(t.votes)::bigint AS votes
  FROM api.party_totals t
  LEFT JOIN api.party p USING (poll_date, party_id)
 WHERE t.poll_date = coalesce($1::date, (SELECT max(poll_date) FROM api.council_control))
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
 ORDER BY nation, region, seats_held DESC, councils DESC, t.party_id
