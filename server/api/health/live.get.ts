/** The process answers; the database is not asked. */
export default defineEventHandler((event) => {
  setHeader(event, 'cache-control', 'no-store')
  return { status: 'live' }
})
