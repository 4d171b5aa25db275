declare module "*.dependency-cruiser.mjs" {
  const law: { readonly forbidden: readonly unknown[]; readonly options: object };
  export default law;
}
