export const WhatIfView = ({ queue }: { readonly queue: string }) => <p>{queue}</p>;
