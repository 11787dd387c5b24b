# Praat reads a tiers.TextGrid: praat --run tiers.praat FILE (apt-get install praat)
form Which file
  sentence File tiers.TextGrid
endform
Read from file: file$
tiers = Get number of tiers
for tier to tiers
  name$ = Get tier name: tier
  intervals = Get number of intervals: tier
  appendInfoLine: "Praat reads tier ", name$, " with ", intervals, " intervals"
endfor
end = Get end time
appendInfoLine: "to ", end, " s"
