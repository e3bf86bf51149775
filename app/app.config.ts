export default defineAppConfig({
  ui: {
    colors: { primary: 'indigo', neutral: 'zinc', success: 'emerald', warning: 'amber', error: 'red', info: 'sky' },
    button: { defaultVariants: { color: 'neutral', variant: 'ghost', size: 'sm' } },
    badge: { slots: { base: 'font-medium' } },
  },
})
