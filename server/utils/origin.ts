import type { H3Event } from 'h3'

/** Whether a request that changes something comes from a page of this server; browsers send its origin with it. */
export function isSameOrigin(event: H3Event): boolean {
  const origin = getRequestHeader(event, 'origin')
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === getRequestHeader(event, 'host')
}
