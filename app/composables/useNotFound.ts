/** Where there is nothing to show, the page is a real 404. */
export function useNotFound(isMissing: () => boolean) {
  watchEffect(() => {
    if (!isMissing()) return
    // On the server the rest of the page is not made; in the browser the error page takes its place.
    // Fatal is for the browser; on the server it would be logged as a fault, which a wrong address is not.
    const missing = createError({ statusCode: 404, statusMessage: 'Not found', fatal: import.meta.client })
    if (import.meta.server) throw missing
    showError(missing)
  })
}
