FROM gradle:8.14-jdk21 AS build
WORKDIR /src
COPY . .
RUN gradle --no-daemon bootJar

FROM eclipse-temurin:21-jre
RUN useradd --system --uid 1001 app
COPY --from=build /src/build/libs/app.jar /app.jar
USER 1001
EXPOSE 8080
ENTRYPOINT ["java", "-jar", "/app.jar"]
