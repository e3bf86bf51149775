/** The schema that this console was built for: the build puts it in, so that it is what was there then, not what stands on the disk now. */
declare const __IU_CONTRACT__: { unit: string, digest: string }
