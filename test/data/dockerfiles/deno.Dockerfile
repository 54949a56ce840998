FROM denoland/deno:2.3.1
WORKDIR /app
COPY deno.json deno.lock ./
COPY . .
RUN deno cache main.ts
USER deno
EXPOSE 8000
CMD ["run", "--allow-net", "main.ts"]
