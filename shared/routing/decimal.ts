/** The numbers of jsonb: decimals of any length, exact, with their trailing zeros. */

/** An exact number: `digits` divided by ten to the power of `scale`. */
export class Decimal {
  readonly digits: bigint
  readonly scale: number
  constructor(digits: bigint, scale: number) {
    this.digits = digits
    this.scale = scale
  }
}

/** jsonb's bounds of a number: digits before the point, and behind it. */
const MOST_DIGITS = 131_072
const MOST_SCALE = 16_383
/** Beyond it an exponent is refused, also that of a nought. */
const MOST_EXPONENT = 1_073_741_823

/** A text that is no JSON, or that jsonb cannot keep. */
export class JsonError extends Error {}

/** A number as JSON writes it. @throws {JsonError} for one that jsonb refuses. */
export function readDecimal(source: string): Decimal {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(source)!
  const digits = BigInt(`${sign}${whole}${fraction}`)
  const scale = fraction.length - Number(exponent)
  const isTooLong = digits !== 0n && `${whole}${fraction}`.replace(/^0+/, '').length - scale > MOST_DIGITS
  if (scale > MOST_SCALE || Number(exponent) > MOST_EXPONENT || isTooLong) throw new JsonError(`the number ${source.slice(0, 40)} has more digits than the database keeps`)
  return scale >= 0 ? new Decimal(digits, scale) : new Decimal(digits === 0n ? 0n : digits * 10n ** BigInt(-scale), 0)
}

/** Less than 0, 0, or more, as `a` is to `b`. */
export function compare(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale)
  const [x, y] = [a, b].map(({ digits, scale: own }) => digits * 10n ** BigInt(scale - own)) as [bigint, bigint]
  return x < y ? -1 : x > y ? 1 : 0
}

export const isWhole = ({ digits, scale }: Decimal): boolean => digits % 10n ** BigInt(scale) === 0n
