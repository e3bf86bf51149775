const number = new Intl.NumberFormat('en-US')

export function formatCount(value: number): string {
  return number.format(value)
}

/** Counted to 10,000; one more means "more than that". What is not exact is the least that it can be. */
export function formatBounded(value: number, isExact = true): string {
  return value > 10_000 ? '10,000+' : `${number.format(value)}${isExact ? '' : '+'}`
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${formatBounded(value)} ${value === 1 ? one : many}`
}

/** Bytes as one reads them: exact below 10 kB, then rounded. */
export function formatBytes(bytes: number): string {
  if (bytes < 10_000) return `${number.format(bytes)} B`
  // By what is shown: 999,960 bytes are 1.0 MB, not 1000.0 kB.
  let value = bytes / 1000
  let unit = 0
  for (; Number(value.toFixed(1)) >= 1000 && unit < UNITS.length - 1; unit++) value /= 1000
  return `${value.toFixed(1)} ${UNITS[unit]}`
}
const UNITS = ['kB', 'MB', 'GB', 'TB']

/** Always UTC, and said so: one clock for everybody who looks. */
export function formatTime(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 19)} UTC`
}

const two = (value: number, digits = 2): string => String(value).padStart(digits, '0')

/** An instant to the minute on the reader's own clock, as a control for times has it; empty where it is none. */
export function localMinute(instant: string): string {
  const at = new Date(instant)
  return Number.isNaN(at.getTime()) ? '' : `${two(at.getFullYear(), 4)}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`
}

/** The instant of a time on the reader's own clock: of an hour that comes twice the first; empty where it is none. */
export function instantOf(local: string): string {
  const at = new Date(local)
  return Number.isNaN(at.getTime()) ? '' : at.toISOString()
}

/** Whole ones of the largest unit, and of the next; below two hours in minutes, below one minute in seconds. */
function inUnits(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return `${minutes} min`
  const [whole, unit, rest, next] = minutes < 2880 ? [Math.floor(minutes / 60), 'h', minutes % 60, 'min'] as const : [Math.floor(minutes / 1440), 'd', Math.floor(minutes % 1440 / 60), 'h'] as const
  return rest ? `${whole} ${unit} ${rest} ${next}` : `${whole} ${unit}`
}

export const formatAge = (milliseconds: number): string => inUnits(Math.max(0, Math.floor(milliseconds / 1000)))
/** A time that is left. The second that has begun counts: what has just been given 15 minutes has 15. */
export const formatLeft = (milliseconds: number): string => inUnits(Math.max(0, Math.ceil(milliseconds / 1000)))

export function shortDigest(digest: string): string {
  return digest.slice(0, 10)
}

/** A code as words: `route_disabled` is "route disabled". */
export function words(code: string): string {
  return code.replaceAll('_', ' ')
}

/** As a label begins. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Text for a page: HTML knows one line end only, and a browser turns the others into it when it reads. */
export function displayText(text: string): string {
  return text.replace(/\r\n?/g, '\n')
}
