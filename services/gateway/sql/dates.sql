SELECT d.poll_date, d.elections,
       coalesce(sum(p.councils_total), 0)::integer AS councils_total,
       coalesce(sum(p.councils_called), 0)::integer AS councils_called,
       coalesce(sum(p.councils_final), 0)::integer AS councils_final,
       coalesce(sum(p.seats_declared), 0)::integer AS seats_declared,
       coalesce(sum(p.seats_to_come), 0)::integer AS seats_to_come
  FROM (SELECT poll_date, count(*)::integer AS elections FROM api.council_control GROUP BY poll_date) d
  LEFT JOIN api.night_progress p USING (poll_date)
 GROUP BY d.poll_date, d.elections
 ORDER BY d.poll_date DESC
