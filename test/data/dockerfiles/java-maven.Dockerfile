FROM maven:3.9-eclipse-temurin-21 AS build
WORKDIR /src
COPY . .
RUN mvn -q package -DskipTests

FROM eclipse-temurin:21-jre
RUN useradd --system --uid 1001 app
COPY --from=build /src/target/app.jar /app.jar
USER 1001
EXPOSE 8080
ENTRYPOINT ["java", "-jar", "/app.jar"]
