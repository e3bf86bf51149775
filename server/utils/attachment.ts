/** A `content-disposition` that names the file for every browser (RFC 6266, RFC 5987). */
export function attachment(address: string): string {
  const last = address.split('/').at(-1) || 'collection'
  const name = /\.\w+$/.test(last) ? last : `${last}.md`
  const ascii = name.replace(/[^\w.-]/g, '_')
  const encoded = encodeURIComponent(name).replace(/['()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
