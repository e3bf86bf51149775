/** One row of the table: the rounds of both sides, and the bar. */
export interface Measured {
  row: string
  unit: string
  ours: number[]
  peer: number[]
  /** of each round */
  ratios: number[]
  /** what it has to reach, and what it is meant to; none where there is no such bar */
  must?: number
  aim?: number
  /** whether a larger ratio is better, or a smaller one */
  better: 'more' | 'less'
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

const reaches = (value: number, bar: number | undefined, better: Measured['better']): boolean | undefined => bar === undefined ? undefined : better === 'more' ? value >= bar : value <= bar

/** A row with its median, as `--json` prints it. */
export const summary = (measured: Measured) => {
  const ratio = median(measured.ratios)
  return { ...measured, ratio, reachesMust: reaches(ratio, measured.must, measured.better), reachesAim: reaches(ratio, measured.aim, measured.better) }
}

const short = (value: number): string => value >= 100 ? Math.round(value).toLocaleString('en') : value >= 10 ? value.toFixed(1) : value.toFixed(2)

/** The table as Markdown. */
export function table(rows: Measured[]): string {
  const lines = rows.map(summary).map(({ row, unit, ours, peer, ratios, ratio, must, aim, better, reachesMust, reachesAim }) => {
    const sign = better === 'more' ? '≥' : '≤'
    const bar = (value: number | undefined, reached: boolean | undefined, missed: string) => value === undefined ? '–' : `${sign} ${value} ${reached ? '✓' : missed}`
    return `| ${row} | ${short(median(ours))} | ${short(median(peer))} | ${unit} | **${short(ratio)}** (${short(Math.min(...ratios))}–${short(Math.max(...ratios))}) | ${bar(must, reachesMust, '✗')} | ${bar(aim, reachesAim, '–')} |`
  })
  return ['| ratio | ours | against | unit | median (least–most) | must | aim |', '|---|---|---|---|---|---|---|', ...lines].join('\n')
}
