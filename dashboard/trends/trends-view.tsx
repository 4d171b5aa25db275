export const TrendsView = ({ queue }: { readonly queue: string }) => <p>{queue}</p>;
