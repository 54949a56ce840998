FROM php:8.4-apache
RUN a2enmod rewrite
COPY --chown=www-data:www-data . /var/www/html/
